ast:"self.wait($T)"
