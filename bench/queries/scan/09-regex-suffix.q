/[A-Z]\w+Scene\b/
