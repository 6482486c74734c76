
# The words of a query are completed by `scenery complete`.
function __scenery_values
    switch $argv[1]
@OPTIONS@
    end
end

function __scenery_query
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    # The current word as the shell will take it: an open quote and escapes left out.
    set -l plain (string unescape -- $word 2>/dev/null)
    or set plain (string unescape -- $word"'" 2>/dev/null)
    or set plain (string unescape -- $word'"' 2>/dev/null)
    or return
    string match -q -- '--*' $plain
    and return
    set -l verb
    set -l directory .
    set -l values -C --directory --color
    set -l value
    set -l only
    set -l named
    set -l terms
    for each in $words[2..-1]
        if test -n "$value"
            contains -- $value -C --directory
            and set directory $each
            set value
        else if test -n "$only"
            set -a terms $each
        else if contains -- $each $values
            set value $each
        else if test -z "$verb"
            switch $each
                case '-C?*'
                    set directory (string sub -s 3 -- $each)
                case '--directory=*'
                    set directory (string replace -- --directory= '' $each)
                case '-*'
                case '*'
                    set verb $each
                    set -a values (__scenery_values $verb)
            end
        else if test "$each" = --
            set only 1
        else if string match -qr -- '^(--.*|-.|-n[0-9]+)$' $each
            continue
        else if test "$verb" = save -a -z "$named"
            set named 1
        else
            set -a terms $each
        end
    end
    test -n "$value"
    and return
    contains -- "$verb" query count explain complete export
    or test "$verb" = save -a -n "$named"
    or return
    set -l before (string join ' ' -- $terms)
    test -n "$terms"
    and set before "$before "
    set -l from (string length -- (string escape --style=url -- $before | string replace -ar '%..' '_'))
    $words[1] -C $directory --quiet complete --word "0$from" -- "$before$plain" 2>/dev/null
end

complete -c scenery -n '__fish_seen_subcommand_from query count explain complete save export' -k -f -a '(__scenery_query)'
