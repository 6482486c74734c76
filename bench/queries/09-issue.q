issue:few-animations or issue:no-scene | take 10
