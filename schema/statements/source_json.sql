SELECT json_object('title', title, 'licence', licence, 'url', url, 'citation', citation, 'rank', rank, 'dialect', dialect,
    'dedup', dedup, 'levels', levels, 'recipe', recipe) FROM source WHERE source = ?1
