namespace Piwheels.Cli.Documentation;

/// <summary>
/// Scripts by which shells complete the words of piw and of its links. They ask the program itself what fits, by the
/// directive <c>[suggest:POSITION]</c> of System.CommandLine, offer options where a word begins with a dash, and files where
/// the program has nothing to say.
/// </summary>
internal static class ShellCompletion
{
    public static readonly IReadOnlyList<string> Shells = ["bash", "zsh", "fish"];

    /// <param name="shell">One of <see cref="Shells"/>.</param>
    /// <param name="commands">The names for which there may be links.</param>
    public static string ScriptFor(string shell, IReadOnlyList<string> commands)
    {
        var programs = string.Join(' ', commands.Select(static name => $"piw-{name}").Prepend("piw"));
        var script = shell switch
        {
            "bash" => Bash,
            "zsh" => Zsh,
            _ => Fish,
        };
        return script.Replace("PROGRAMS", programs, StringComparison.Ordinal).ReplaceLineEndings("\n");
    }

    // Bash splits words at = and : also, and puts a word in the place of the last of these pieces
    private const string Bash = """
        # bash completion of piw: source <(piw completion bash)
        _piw() {
            local line=${COMP_LINE:0:COMP_POINT} word= suggestion
            [[ $line =~ [^[:space:]]*$ ]] && word=${BASH_REMATCH[0]}
            [[ $line == piw-* ]] && line="piw ${line#piw-}"
            COMPREPLY=()
            while IFS= read -r suggestion; do
                [[ $suggestion == "$word"* && ($suggestion != -* || $word == -*) ]] || continue
                [[ $word == *=* ]] && suggestion=${suggestion#"${word%"${word##*=}"}"}
                COMPREPLY+=("$suggestion")
            done < <(piw "[suggest:${#line}]" "$line" 2>/dev/null)
        }
        complete -o default -F _piw PROGRAMS

        """;

    private const string Zsh = """
        #compdef PROGRAMS
        # zsh completion of piw: source <(piw completion zsh), or this as the file _piw in a folder of $fpath
        _piw() {
            local line="$BUFFER[1,CURSOR]"
            [[ $line == piw-* ]] && line="piw ${line#piw-}"
            local -a suggestions
            suggestions=("${(@f)$(piw "[suggest:${#line}]" "$line" 2>/dev/null)}")
            suggestions=(${suggestions:#})
            [[ ${line##*[[:space:]]} == -* ]] || suggestions=(${suggestions:#-*})
            if (( $#suggestions )); then compadd -- "${suggestions[@]}"; else _files; fi
        }
        if [[ ${zsh_eval_context[-1]} == loadautofunc ]]; then _piw "$@"; else compdef _piw PROGRAMS; fi

        """;

    private const string Fish = """
        # fish completion of piw: piw completion fish | source
        function __piw
            set -l line (commandline --cut-at-cursor | string replace --regex '^piw-' 'piw ')
            set -l suggestions (piw "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null)
            string match --quiet --regex '(^|\s)-\S*$' -- "$line"
            or set suggestions (string match --invert -- '-*' $suggestions)
            if set -q suggestions[1]
                printf '%s\n' $suggestions
            else
                __fish_complete_path (commandline --current-token)
            end
        end
        for program in PROGRAMS
            complete --command $program --no-files --arguments '(__piw)'
        end

        """;
}
