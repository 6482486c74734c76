issue:few-animations or issue:unknown-api | take 10
