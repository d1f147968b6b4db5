"""The small convolutional network: its layers, its training, and the member of the ensemble that it is."""
