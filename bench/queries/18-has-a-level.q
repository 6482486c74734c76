has:level level:conceptual lines<60
