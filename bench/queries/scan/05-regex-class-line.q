/(?m)^class \w+\(ThreeDScene\)/
