# What does not parse, to look at before it is thrown out.
-is:valid | sort source
