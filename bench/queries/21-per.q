is:valid topic:calculus | per source 200
