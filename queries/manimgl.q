# What was written for ManimGL and will not render with the community edition.
dialect:gl
