uses:MathTex -uses:ThreeDScene plays>=5
