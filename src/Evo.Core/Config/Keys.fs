namespace Evo.Core

open System
open System.Globalization
open System.Reflection
open System.Text
open Microsoft.FSharp.Reflection

/// One key as reader, schema and documentation see it: made from a field and its `KeyAttribute`, or from a family's
/// `ModelKey`.
type KeyInfo =
    {
        Name: string
        Doc: string
        /// As JSON; empty when the key must be given.
        Default: string
        Kind: KeyKind
        /// True when `null` may be written for "not set".
        Nullable: bool
        Choices: string list
        Minimum: float
        Maximum: float
        Exclusive: bool
        Rule: string
        /// The section that the key opens; none for a plain value.
        Section: SectionInfo option
        /// True for a section that may also be written as the value of its first key.
        Bare: bool
        /// The type of the field that receives the value.
        Type: Type
    }

    /// True when a configuration must give the key.
    member key.Required = key.Default = "" && key.Section.IsNone

/// One object of the configuration: its keys, and how the record behind it is made and taken apart.
and SectionInfo =
    {
        Keys: KeyInfo list
        /// One entry for each field of the record: the index of its key, or -1 for the text of the family's keys.
        Fields: int list
        Make: (obj | null) array -> obj
        TakeApart: obj -> (obj | null) array
    }

/// The table of all keys, read once from the records of `RunConfig.fs`.
module Keys =

    /// `MicroBsz` is written `micro_bsz`.
    let snakeCase (name: string) =
        let text = StringBuilder()

        for i in 0 .. name.Length - 1 do
            if Char.IsUpper name[i] && i > 0 then
                text.Append '_' |> ignore

            text.Append(Char.ToLowerInvariant name[i]) |> ignore

        text.ToString()

    let private kindOf (t: Type) =
        if t = typeof<int> || t = typeof<int64> then KeyKind.Integer
        elif t = typeof<float> then KeyKind.Number
        elif t = typeof<bool> then KeyKind.Boolean
        elif t = typeof<string> then KeyKind.Text
        elif t = typeof<string list> then KeyKind.Texts
        else KeyKind.Object

    let private split (choices: string) =
        choices.Split('|', StringSplitOptions.RemoveEmptyEntries) |> List.ofArray

    let rec private keyOf (field: PropertyInfo) (key: KeyAttribute) =
        let inner =
            match Nullable.GetUnderlyingType field.PropertyType with
            | null -> field.PropertyType
            | inner -> inner

        let kind = if key.Fraction then KeyKind.Fraction else kindOf inner

        {
            Name = if key.Name = "" then snakeCase field.Name else key.Name
            Doc = key.Doc
            Default = key.Default
            Kind = kind
            Nullable = key.Default = "null"
            Choices = split key.Choices
            Minimum = key.Minimum
            Maximum = key.Maximum
            Exclusive = key.Exclusive
            Rule = key.Rule
            Section =
                if kind = KeyKind.Object then
                    Some(sectionOf inner)
                else
                    None
            Bare = key.Bare
            Type = inner
        }

    and private sectionOf (record: Type) : SectionInfo =
        let fields =
            FSharpType.GetRecordFields record
            |> Array.map (fun field -> field, field.GetCustomAttribute<KeyAttribute>())

        let keys = ResizeArray()

        let places =
            [
                for field, attribute in fields do
                    match attribute with
                    | null -> -1
                    | key ->
                        keys.Add(keyOf field key)
                        keys.Count - 1
            ]

        {
            Keys = List.ofSeq keys
            Fields = places
            Make = FSharpValue.PreComputeRecordConstructor record
            TakeApart = FSharpValue.PreComputeRecordReader record
        }

    /// The whole configuration, without the keys of any family.
    let root = sectionOf typeof<RunConfig>

    /// 1E-05, as serializers write it, is shown as 1e-5.
    let private tidy (fallback: string) =
        match Double.TryParse(fallback, NumberStyles.Float, CultureInfo.InvariantCulture) with
        | true, value when fallback.Contains 'E' -> Json.number value
        | _ -> fallback

    /// A family's key in the same form.
    let ofModelKey (key: ModelKey) =
        {
            Name = key.Name
            Doc = key.Doc
            Default = if key.Required then "" else tidy key.Default
            Kind = key.Kind
            Nullable = key.Nullable || key.Default = "null"
            Choices = List.ofSeq key.Choices
            Minimum = key.Minimum
            Maximum = Double.PositiveInfinity
            Exclusive = false
            Rule = ""
            Section = None
            Bare = false
            Type = typeof<obj>
        }
