
# The words of a query are completed by `scenery complete`, all else by the function above.

# Options of a verb that take a value.
_scenery_values() {
    case "$1" in
@OPTIONS@
    esac
}

_scenery_query() {
    local line="${COMP_LINE:0:COMP_POINT}"
    local breaks="${COMP_WORDBREAKS//[\"\']/}"
    # From here on lengths are bytes.
    local LC_ALL=C
    local -a words=()
    local word="" has="" state="" cut=0 outer=0 i c
    # Words as the shell will take them. What readline replaces begins behind the last break character that is not
    # quoted, or behind a quote that is still open: `cut` bytes of the last word stay.
    for ((i = 0; i < ${#line}; i++)); do
        c="${line:i:1}"
        case "$state" in
        \')
            if [[ $c == \' ]]; then
                state="" cut=$outer
            else
                word+="$c"
            fi
            ;;
        \")
            if [[ $c == \" ]]; then
                state="" cut=$outer
            elif [[ $c == \\ && ${line:i+1:1} == [\"\\\$\`] ]]; then
                ((i++))
                word+="${line:i:1}"
            else
                word+="$c"
            fi
            ;;
        *)
            case "$c" in
            [[:space:]])
                [[ $has ]] && words+=("$word")
                word="" has="" cut=0
                ;;
            \' | \")
                state="$c" has=1 outer=$cut cut=${#word}
                ;;
            \\)
                ((i++))
                word+="${line:i:1}" has=1
                ;;
            *)
                word+="$c" has=1
                [[ $breaks == *"$c"* ]] && cut=${#word}
                # An `@` that would begin a host's name belongs to what is replaced.
                [[ $c == @ && $cut == "${#word}" ]] && shopt -q hostcomplete && ((cut--))
                ;;
            esac
            ;;
        esac
    done

    # Which verb it is, where the project is, and which words are the query's.
    local verb="" directory="" values=" -C --directory --color " only="" named="" each value=""
    local -a terms=()
    for each in "${words[@]:1}"; do
        if [[ $value ]]; then
            [[ $value == -C || $value == --directory ]] && directory="$each"
            value=""
        elif [[ $only ]]; then
            terms+=("$each")
        elif [[ $values == *" $each "* ]]; then
            value="$each"
        elif [[ -z $verb ]]; then
            case "$each" in
            -C?*) directory="${each#-C}" ;;
            --directory=*) directory="${each#--directory=}" ;;
            -*) ;;
            *)
                verb="$each"
                values+="$(_scenery_values "$verb") "
                ;;
            esac
        elif [[ $each == -- ]]; then
            only=1
        elif [[ $each == --directory=* ]]; then
            directory="${each#--directory=}"
        elif [[ $each == --* || $each == -? || $each =~ ^-n[0-9]+$ ]]; then
            :
        elif [[ $verb == save && -z $named ]]; then
            named=1
        else
            terms+=("$each")
        fi
    done
    case "$verb" in
    query | count | explain | complete | export) ;;
    save) [[ $named ]] || verb="" ;;
    *) verb="" ;;
    esac
    if [[ -z $verb || $value || (-z $only && $word == --*) ]]; then
        _scenery "$@"
        return
    fi
    [[ $directory == "~"* ]] && directory="$HOME${directory#"~"}"

    local before="" text
    for each in "${terms[@]}"; do
        before+="$each "
    done
    text="$before$word"
    local -a exact=() other=()
    while IFS= read -r each; do
        each="${each%%$'\t'*}"
        # What stands before the break cannot be changed.
        if [[ "${each:0:cut}" != "${word:0:cut}" ]]; then
            continue
        elif [[ "${each:0:${#word}}" == "$word" ]]; then
            exact+=("$each")
        else
            other+=("$each")
        fi
    done < <("$1" -C "${directory:-.}" --quiet complete --word "${#before}" -- "$text" 2>/dev/null)
    ((${#exact[@]})) || exact=("${other[@]}")

    COMPREPLY=()
    local more="" quoted
    for each in "${exact[@]}"; do
        each="${each:cut}"
        case "$state" in
        \') each="${each//\'/\'\\\'\'}" ;;
        \")
            each="${each//\\/\\\\}" each="${each//\"/\\\"}" each="${each//\$/\\\$}" each="${each//\`/\\\`}"
            ;;
        *)
            # The blank at the end comes from the shell.
            each="${each%" "}" quoted=""
            for ((i = 0; i < ${#each}; i++)); do
                c="${each:i:1}"
                [[ $c == [A-Za-z0-9_.,:=@%+/-] || $c > "~" ]] || quoted+="\\"
                quoted+="$c"
            done
            each="$quoted"
            ;;
        esac
        [[ $each == *[:=\(\"#.@] ]] && more=1
        COMPREPLY+=("$each")
    done
    # Outside of a completion, as in a test, there are no options to set.
    compopt +o default +o bashdefault 2>/dev/null
    [[ $more || $state ]] && compopt -o nospace 2>/dev/null
    return 0
}

if [[ "${BASH_VERSINFO[0]}" -eq 4 && "${BASH_VERSINFO[1]}" -ge 4 || "${BASH_VERSINFO[0]}" -gt 4 ]]; then
    complete -F _scenery_query -o nosort -o bashdefault -o default scenery
else
    complete -F _scenery_query -o bashdefault -o default scenery
fi
