split.given:test source:lecture_notes
