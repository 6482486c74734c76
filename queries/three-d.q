# Scenes in three dimensions.
is:valid (uses:ThreeDScene or uses:ThreeDAxes or uses:Surface)
