"""Job types that only tests use; loaded through the setting `job_type_packages`."""
