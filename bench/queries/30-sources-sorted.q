source:(lecture_notes or scene_tables) plays:5..15 -issue:no-description | sort quality -plays lines
