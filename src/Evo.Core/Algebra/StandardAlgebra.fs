/// The table in algebra.txt, which is part of this assembly, and the door for any other text.
[<CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module Evo.Core.Algebra

open System
open System.IO
open System.Text

let private text =
    lazy
        (use stream =
            typeof<Algebra>.Assembly.GetManifestResourceStream "Evo.Algebra.txt" |> nonNull

         use bytes = new MemoryStream()
         stream.CopyTo bytes
         Encoding.UTF8.GetString(bytes.ToArray()))

let private table =
    lazy
        (match TableReader.read text.Value with
         | Ok algebra -> algebra
         | Error problems ->
             raise (InvalidOperationException(problems |> List.map string |> String.concat "\n")))

/// The text of the table that Evo runs on.
let standardText () : string = text.Value

/// The table that Evo runs on.
let standard () : Algebra = table.Value

/// The table of any text, or every problem of it with its line.
let parse (text: string) : Result<Algebra, Problem list> = TableReader.read text
