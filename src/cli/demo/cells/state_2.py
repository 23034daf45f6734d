mean(readings)
