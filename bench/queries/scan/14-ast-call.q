ast:"Circle($$$)"
