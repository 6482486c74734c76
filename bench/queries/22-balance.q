is:valid has:level | balance level foundation:1 conceptual:1 application:1
