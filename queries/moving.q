# Scenes driven by updaters or trackers.
is:valid (updaters>=1 or uses:ValueTracker)
