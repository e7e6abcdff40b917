"""The front end: pages, figures and the live channel. No training and no tensor maths."""
