ast:"class $C(ThreeDScene): $$$"
