"""What operators rely on: health, measurements, logs, and the page that explains them."""
