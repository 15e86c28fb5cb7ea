namespace Evo.Core

/// A place in a text that a person wrote.
[<Struct>]
type Place =
    {
        /// The file's name as the person gave it, or the option it came by, such as `--set data.seq_len`.
        Source: string
        /// Line, from 1; 0 where the source has no lines.
        Line: int
        /// Column, from 1; 0 where the source has no lines.
        Column: int
    }

    /// `file:line:column`, or the source alone where there are no lines.
    override place.ToString() =
        if place.Line > 0 then
            $"{place.Source}:{place.Line}:{place.Column}"
        else
            place.Source

/// Something in a configuration that cannot be run as written: where, what was found, the rule, and what would be right.
type Problem =
    {
        /// Where it stands.
        Place: Place
        /// The key's path, such as `data.seq_len`; empty for the whole file.
        Path: string
        /// The value that was found, as JSON; empty where a key is missing.
        Found: string
        /// The rule that it breaks.
        Rule: string
        /// What would be right; empty where the rule says it all.
        Hint: string
    }

    /// One line: `run.json:12:5: data.seq_len = 0: must be at least 1; …`.
    override problem.ToString() =
        // `--set data.seq_len` names the path already.
        let path =
            if problem.Place.Source = "--set " + problem.Path then
                ""
            else
                problem.Path

        let what =
            match path, problem.Found with
            | "", "" -> ""
            | path, "" -> path + ": "
            | "", found -> found + ": "
            | path, found -> $"{path} = {found}: "

        let text =
            if problem.Hint = "" then
                problem.Rule
            else
                $"{problem.Rule}; {problem.Hint}"

        // What another program said stands on lines of its own, as it is.
        let stop =
            if text.EndsWith '.' || text.EndsWith '?' || text.Contains '\n' then
                ""
            else
                "."

        $"{problem.Place}: {what}{text}{stop}"

/// A configuration that was refused, with all of its problems. What C# callers of `RunConfig.Parse` see.
type ConfigException(problems: Problem list) =
    inherit System.Exception(System.String.Join("\n", problems))
    /// Everything that was found wrong, in the order of the file.
    member _.Problems: System.Collections.Generic.IReadOnlyList<Problem> = problems
