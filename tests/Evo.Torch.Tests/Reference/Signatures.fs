/// The list of TorchSharp's signatures, one member a line, as values.
module Evo.Torch.Tests.Reference.Signatures

/// A type as the list writes it: a dotted name with type arguments at each part, an array, or a nullable value.
type TypeName =
    | Named of parts: (string * TypeName list) list
    | ArrayOf of TypeName
    | NullableOf of TypeName

type Parameter =
    {
        Type: TypeName
        Name: string
        /// "", "ref" or "out".
        Passing: string
        Default: string option
    }

type Member =
    | Type of what: string * baseType: TypeName option
    | Method of parameters: Parameter list * result: TypeName
    | Constructor of parameters: Parameter list
    | Property of index: Parameter list * accessors: string * result: TypeName
    | Field of result: TypeName * value: string option

type Line =
    {
        Text: string
        Owner: TypeName
        Name: string
        TypeParameters: string list
        Member: Member
        Flags: string list
    }

/// Splits at a character where no bracket is open.
let splitTop (separator: char) (text: string) =
    let parts = ResizeArray()
    let mutable depth, start = 0, 0

    for i in 0 .. text.Length - 1 do
        match text[i] with
        | '<'
        | '('
        | '[' -> depth <- depth + 1
        | '>'
        | ')'
        | ']' -> depth <- depth - 1
        | c when c = separator && depth = 0 ->
            parts.Add(text[start .. i - 1].Trim())
            start <- i + 1
        | _ -> ()

    let last = text[start..].Trim()

    if last <> "" || parts.Count > 0 then
        parts.Add last

    List.ofSeq parts

let rec parseType (text: string) : TypeName =
    let text = text.Trim()

    if text.EndsWith "[]" then
        ArrayOf(parseType text[.. text.Length - 3])
    elif text.EndsWith "?" then
        NullableOf(parseType text[.. text.Length - 2])
    else
        splitTop '.' text
        |> List.map (fun part ->
            match part.IndexOf '<' with
            | -1 -> part, []
            | at -> part[.. at - 1], part[at + 1 .. part.Length - 2] |> splitTop ',' |> List.map parseType)
        |> Named

let rec showType =
    function
    | Named parts ->
        parts
        |> List.map (fun (name, arguments) ->
            match arguments with
            | [] -> name
            | _ -> $"""{name}<{arguments |> List.map showType |> String.concat ", "}>""")
        |> String.concat "."
    | ArrayOf item -> showType item + "[]"
    | NullableOf item -> showType item + "?"

let private parseParameter (text: string) =
    let declaration, value =
        match text.IndexOf " = " with
        | -1 -> text, None
        | at -> text[.. at - 1], Some text[at + 3 ..]

    let passing, declaration =
        [ "out ref ", "out"; "ref ", "ref" ]
        |> List.tryPick (fun (prefix, passing) ->
            if declaration.StartsWith prefix then
                Some(passing, declaration[prefix.Length ..])
            else
                None)
        |> Option.defaultValue ("", declaration)

    let space = declaration.LastIndexOf ' '

    {
        Type = parseType declaration[.. space - 1]
        Name = declaration[space + 1 ..]
        Passing = passing
        Default = value
    }

/// The place of the first character at depth zero of angle brackets, from a start.
let private findTop (text: string) (wanted: char) =
    let mutable depth, found, i = 0, -1, 0

    while found < 0 && i < text.Length do
        match text[i] with
        | c when c = wanted && depth = 0 -> found <- i
        | '<' -> depth <- depth + 1
        | '>' -> depth <- depth - 1
        | _ -> ()

        i <- i + 1

    found

/// The place of the bracket that closes the one at a place.
let private closing (text: string) (at: int) =
    let mutable depth, i = 1, at + 1

    while depth > 0 do
        match text[i] with
        | '('
        | '[' -> depth <- depth + 1
        | ')'
        | ']' -> depth <- depth - 1
        | _ -> ()

        i <- i + 1

    i - 1

let private splitName (full: string) =
    let parts = splitTop '.' full
    let owner = parts[.. parts.Length - 2] |> String.concat "."
    let name = List.last parts

    match name.IndexOf '<' with
    | -1 -> owner, name, []
    | at -> owner, name[.. at - 1], name[at + 1 .. name.Length - 2] |> splitTop ','

let private flagsOf (text: string) =
    let rec strip (text: string) flags =
        [ "static"; "virtual"; "abstract"; "protected" ]
        |> List.tryFind (fun flag -> text.EndsWith(" " + flag))
        |> function
            | Some flag -> strip text[.. text.Length - flag.Length - 2] (flag :: flags)
            | None -> text, flags

    strip text []

let parse (text: string) : Line =
    let line owner name generics flags content =
        {
            Text = text
            Owner = parseType owner
            Name = name
            TypeParameters = generics
            Member = content
            Flags = flags
        }

    match text.IndexOf "  [" with
    | at when at > 0 && text.EndsWith "]" ->
        let what = text[at + 3 .. text.Length - 2]

        let kind, parent =
            match what.IndexOf " : " with
            | -1 -> what, None
            | colon -> what[.. colon - 1], Some(parseType what[colon + 3 ..])

        line text[.. at - 1] "" [] [] (Type(kind, parent))
    | _ ->
        match text.IndexOf " { " with
        | at when at > 0 ->
            let head = text[.. at - 1]
            let accessors = text[at + 3 .. text.IndexOf " }" - 1]
            let result = text[text.IndexOf "} : " + 4 ..] |> parseType

            let name, index =
                match findTop head '[' with
                | -1 -> head, []
                | bracket ->
                    head[.. bracket - 1],
                    head[bracket + 1 .. closing head bracket - 1]
                    |> splitTop ','
                    |> List.map parseParameter

            let owner, name, _ = splitName name
            line owner name [] [] (Property(index, accessors, result))
        | _ ->
            let colon = text.IndexOf " : "

            match findTop text '(' with
            | at when at > 0 && (colon < 0 || at < colon) ->
                let close = closing text at
                let owner, name, generics = splitName text[.. at - 1]

                let parameters =
                    text[at + 1 .. close - 1] |> splitTop ',' |> List.map parseParameter

                if name = "ctor" then
                    line owner name generics [] (Constructor parameters)
                else
                    let result, flags = flagsOf text[close + 4 ..]
                    line owner name generics flags (Method(parameters, parseType result))
            | _ ->
                let owner, name, _ = splitName text[.. colon - 1]

                let rest = text[colon + 3 ..]

                let result, value =
                    match rest.IndexOf " = " with
                    | -1 -> rest, None
                    | eq -> rest[.. eq - 1], Some rest[eq + 3 ..]

                line owner name [] [] (Field(parseType result, value))

/// The lines of a list, without empty ones, remarks (#) and directives (@).
let read (path: string) =
    System.IO.File.ReadAllLines path
    |> Seq.filter (fun line -> line.Trim() <> "" && not (line.StartsWith '#') && not (line.StartsWith '@'))
    |> Seq.map parse
    |> List.ofSeq
