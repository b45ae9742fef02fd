import { usage } from "../cli-error.ts";
import { defineCommands } from "../command.ts";

/** Each shell asks `tenantctl complete -- <words>` for the words that may come next, so it never falls behind. */
const scripts = {
  bash: `# tenantctl completion for bash: eval "$(tenantctl completion bash)"
_tenantctl() {
  local IFS=$'\\n'
  COMPREPLY=($(tenantctl complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f1))
  [ \${#COMPREPLY[@]} -gt 0 ] || compopt -o default
}
complete -F _tenantctl tenantctl
`,
  zsh: `#compdef tenantctl
# tenantctl completion for zsh: source <(tenantctl completion zsh)
_tenantctl() {
  local -a found
  local line
  while IFS=$'\\t' read -r word text; do
    found+=("\${word//:/\\\\:}\${text:+:$text}")
  done < <(tenantctl complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( \${#found} )); then _describe 'tenantctl' found; else _files; fi
}
compdef _tenantctl tenantctl
`,
  fish: `# tenantctl completion for fish: tenantctl completion fish | source
complete -c tenantctl -f -a '(tenantctl complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
`,
} as const;

const isShell = (text: string | undefined): text is keyof typeof scripts =>
  text !== undefined && Object.hasOwn(scripts, text);

export const commands = defineCommands([
  {
    path: ["completion"],
    summary: "Print the completion script for bash, zsh or fish",
    positional: [{ name: "shell", help: "bash, zsh or fish" }],
    run: async ({ args, out }) => {
      const [shell, ...more] = args;
      if (!isShell(shell) || more.length > 0) throw usage("say which shell: bash, zsh or fish");
      out.text(scripts[shell]);
      return 0;
    },
    examples: [
      'completion bash  # then: eval "$(tenantctl completion bash)"',
      "completion fish > ~/.config/fish/completions/tenantctl.fish",
    ],
  },
]);
