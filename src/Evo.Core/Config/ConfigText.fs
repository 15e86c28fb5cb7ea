namespace Evo.Core

/// The configuration for callers in C#.
[<AbstractClass; Sealed>]
type ConfigText private () =

    /// Reads and checks a configuration; throws a `ConfigException` with every problem.
    static member Parse(families: ModelFamilyKeys seq, text: string, source: string) : RunConfig =
        match Config.load (List.ofSeq families) [] source text with
        | Ok run -> run
        | Error problems -> raise (ConfigException problems)

    /// The configuration as JSON, every key given.
    static member Print(run: RunConfig) = Config.print run
