added:2026-04-01..2026-09-30 is:valid
