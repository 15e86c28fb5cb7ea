module Evo.Cli.Program

[<EntryPoint>]
let main _ = 0
