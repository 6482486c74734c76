ast:"self.play($$$)"
