code:"self.camera.frame"
