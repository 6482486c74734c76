ast:"$A = MathTex($$$)"
