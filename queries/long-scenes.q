# Long scenes: at least so many seconds as far as can be told without running them.
# args: seconds=30
is:valid duration>={seconds} | sort -duration
