
# Names of users and of PAM services, where a word is one.
_countersign_names() {
    local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" services
    case "$before" in
        --user|--test-user|--ruser)
            COMPREPLY=($(compgen -u -- "$word"))
            return 0 ;;
        --service)
            services=$(cd /etc/pam.d 2>/dev/null && printf '%s\n' *; cd /usr/lib/pam.d 2>/dev/null && printf '%s\n' *)
            COMPREPLY=($(compgen -W "$services" -- "$word"))
            return 0 ;;
    esac
    _countersign "$@"
    [[ "$word" == -* ]] && return 0
    case "${COMP_WORDS[1]}" in
        explain|forget|login|mechanisms|rehearse) COMPREPLY+=($(compgen -u -- "$word")) ;;
        totp) [[ $COMP_CWORD -lt 3 ]] || COMPREPLY+=($(compgen -u -- "$word")) ;;
    esac
}
complete -F _countersign_names -o nosort -o bashdefault -o default countersign
