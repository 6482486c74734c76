code:"add_updater(lambda m"
