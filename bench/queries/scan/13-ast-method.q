ast:"$A.next_to($B, $C)"
