"""Learn semantic segmentation with fully convolutional networks."""
