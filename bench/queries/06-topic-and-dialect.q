topic:geometry dialect:ce quality>=80
