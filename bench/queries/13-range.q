lines:20..80
