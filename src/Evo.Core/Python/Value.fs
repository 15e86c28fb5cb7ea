namespace Evo.Core.Python

open System
open System.Collections.Generic
open System.Globalization
open System.Numerics
open Evo.Core

/// A value of a Python configuration. Lists and dicts are shared by those who name them, as in Python.
[<CustomEquality; NoComparison>]
type internal Value =
    | Nothing
    | Truth of bool
    | Whole of BigInteger
    | Real of float
    | Text of string
    | Items of ResizeArray<Entry>
    | FixedItems of Entry list
    | Collection of Entry list
    | Dict of OrderedDictionary<string, Entry>
    /// What a name stands for that is no value of a configuration: `os`, `os.environ`, `dict`.
    | Known of string
    /// A method of a value, such as `update` of a dict.
    | Method of Value * string

    override value.Equals other = Object.ReferenceEquals(value, other)

    override value.GetHashCode() =
        System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode value

/// A value with where it was written: in a dict, a list, or behind a name.
and internal Entry =
    {
        NameAt: Place
        At: Place
        Value: Value
    }

/// Names with their values, in the order in which they were given: a dict, or a file.
type internal Scope = OrderedDictionary<string, Entry>

/// What is asked of a reading so that no text, however made, takes long or much memory.
[<Sealed>]
type internal Budget() =
    // A configuration of InternEvo's takes some thousands.
    let mutable left = 1_000_000L

    /// Takes steps, letters or items off what is left.
    member _.Spend(amount: int64, at: Place) =
        left <- left - amount

        if left < 0L then
            Tokens.refuse at "" "this configuration computes more than one ever needs" "write the values out"

module internal Values =

    /// Bits of the largest whole number, letters of the longest text, items of the longest list.
    let mostBits, mostLetters, mostItems = 1024L, 65_536, 10_000

    /// What stands behind a name.
    let find (name: string) (entries: Scope) : Entry option =
        match entries.IndexOf name with
        | -1 -> None
        | place -> Some (entries.GetAt place).Value

    /// Refuses a name that stands for nothing, with the nearest that does.
    let unknown (at: Place) (name: string) (known: string seq) : 'a =
        let hint =
            match Nearest.find known name with
            | Some near -> $"did you mean {near}?"
            | None -> ""

        Tokens.refuse at name "this name has no value here" hint

    /// What a value is called.
    let kind (value: Value) =
        match value with
        | Nothing -> "None"
        | Truth _ -> "a truth value"
        | Whole _ -> "a whole number"
        | Real _ -> "a number"
        | Text _ -> "a text"
        | Items _ -> "a list"
        | FixedItems _ -> "a tuple"
        | Collection _ -> "a set"
        | Dict _ -> "a dict"
        | Known name -> name
        | Method(_, name) -> "the method " + name

    /// A number as Python writes it: the shortest that reads back, with an exponent of two digits from 1e16 on.
    let floatText (value: float) =
        if Double.IsNaN value then
            "nan"
        elif Double.IsInfinity value then
            (if value > 0.0 then "inf" else "-inf")
        else
            // "1.2345E-007": digits and exponent of the shortest form.
            let shortest = value.ToString("E16", CultureInfo.InvariantCulture)
            let exponent = int (shortest.Substring(shortest.IndexOf 'E' + 1))
            let plain = value.ToString("R", CultureInfo.InvariantCulture)

            let mantissa =
                match plain.IndexOf 'E' with
                | -1 -> plain
                | cut -> plain.Substring(0, cut)

            if value <> 0.0 && (exponent < -4 || exponent >= 16) then
                let digits = mantissa.Replace("-", "").Replace(".", "").TrimStart('0').TrimEnd('0')
                let sign = if value < 0.0 then "-" else ""

                let fraction = if digits.Length > 1 then "." + digits.Substring 1 else ""

                let size = (abs exponent).ToString "00"
                $"""{sign}{digits[0]}{fraction}e{(if exponent < 0 then "-" else "+")}{size}"""
            elif plain.Contains 'E' then
                value.ToString("0.0###################", CultureInfo.InvariantCulture)
            elif plain.Contains '.' then
                plain
            else
                plain + ".0"

    /// A number with so many digits after the point, rounded from its exact value, halves to the even digit.
    let fixedPoint (value: float) (digits: int) : string =
        let bits = BitConverter.DoubleToInt64Bits value
        let exponent = int ((bits >>> 52) &&& 0x7FFL)
        let fraction = bits &&& 0xFFFFFFFFFFFFFL

        let mantissa, exponent =
            if exponent = 0 then
                fraction, -1074
            else
                fraction ||| (1L <<< 52), exponent - 1075

        let scaled = BigInteger mantissa * BigInteger.Pow(BigInteger 10, digits)

        let rounded =
            if exponent >= 0 then
                scaled <<< exponent
            else
                let whole = scaled >>> -exponent
                let half = BigInteger.One <<< (-exponent - 1)
                let rest = scaled - (whole <<< -exponent)

                if rest > half || rest = half && not whole.IsEven then
                    whole + BigInteger.One
                else
                    whole

        let text = (string rounded).PadLeft(digits + 1, '0')
        let sign = if bits < 0L then "-" else ""
        let cut = text.Length - digits

        if digits = 0 then
            sign + text
        else
            sign + text.Substring(0, cut) + "." + text.Substring cut

    /// A text as Python writes it where it shows that it is one.
    let quoted (text: string) =
        let quote =
            if text.Contains '\'' && not (text.Contains '"') then
                "\""
            else
                "'"

        let inner =
            text.Replace("\\", "\\\\").Replace("\n", "\\n").Replace("\r", "\\r").Replace("\t", "\\t")

        quote + (if quote = "'" then inner.Replace("'", "\\'") else inner) + quote

    /// What `str` makes of a value. Lists and dicts have no place in the text of a configuration.
    let text (at: Place) (value: Value) =
        match value with
        | Nothing -> "None"
        | Truth true -> "True"
        | Truth false -> "False"
        | Whole number -> string number
        | Real number -> floatText number
        | Text text -> text
        | other -> Tokens.refuse at "" $"{kind other} cannot stand in a text here" "write the text out"

    let truth (value: Value) =
        match value with
        | Nothing -> false
        | Truth value -> value
        | Whole number -> not number.IsZero
        | Real number -> number <> 0.0
        | Text text -> text <> ""
        | Items items -> items.Count > 0
        | FixedItems items
        | Collection items -> not items.IsEmpty
        | Dict entries -> entries.Count > 0
        | Known _
        | Method _ -> true

    /// A value where a number should stand: truth values are 0 and 1.
    let (|Number|_|) (value: Value) =
        match value with
        | Truth value -> Some(Whole(if value then BigInteger.One else BigInteger.Zero))
        | Whole _
        | Real _ -> Some value
        | _ -> None

    let toFloat (value: Value) =
        match value with
        | Truth true -> 1.0
        | Whole number -> float number
        | Real number -> number
        | _ -> 0.0

    let rec private same (budget: Budget) at level (left: Value) (right: Value) : bool =
        budget.Spend(1L, at)

        if level > Cursor.MostLevels then
            Tokens.refuse at "" "these values are too deep to compare" ""

        let all (a: Entry seq) (b: Entry seq) =
            Seq.length a = Seq.length b
            && Seq.forall2 (fun a b -> same budget at (level + 1) a.Value b.Value) a b

        match left, right with
        | Number(Whole a), Number(Whole b) -> a = b
        | Number a, Number b -> toFloat a = toFloat b
        | Nothing, Nothing -> true
        | Text a, Text b ->
            budget.Spend(int64 a.Length, at)
            String.Equals(a, b, StringComparison.Ordinal)
        | Items a, Items b -> all a b
        | FixedItems a, FixedItems b -> all a b
        | Collection a, Collection b ->
            a.Length = b.Length
            && a
               |> List.forall (fun x ->
                   b |> List.exists (fun y -> same budget at (level + 1) x.Value y.Value))
        | Dict a, Dict b ->
            a.Count = b.Count
            && a
               |> Seq.forall (fun pair ->
                   match find pair.Key b with
                   | Some other -> same budget at (level + 1) pair.Value.Value other.Value
                   | _ -> false)
        | Known a, Known b -> a = b
        | _ -> false

    /// Whether `==` holds.
    let equal (budget: Budget) (at: Place) left right = same budget at 0 left right

    /// The value as JSON, every part with its place. Numbers keep all of their digits; what is no finite number is written
    /// `Infinity`, `-Infinity` or `NaN`, which no key takes.
    let toJson (budget: Budget) (entry: Entry) : Json =
        let rec json level (entry: Entry) : Json =
            budget.Spend(1L, entry.At)

            if level > 50 then
                Tokens.refuse entry.At "" "is more than 50 dicts and lists deep" ""

            let value =
                match entry.Value with
                | Nothing -> JNull
                | Truth value -> JBool value
                | Whole number -> JNumber(string number)
                | Real number when Double.IsFinite number -> JNumber(Json.number number)
                | Real number -> JNumber(number.ToString CultureInfo.InvariantCulture)
                | Text text -> JString text
                | Items items -> JArray [ for item in items -> json (level + 1) item ]
                | FixedItems items
                | Collection items -> JArray [ for item in items -> json (level + 1) item ]
                | Dict entries ->
                    JObject
                        [
                            for pair in entries ->
                                {
                                    Name = pair.Key
                                    NameAt = pair.Value.NameAt
                                    Content = json (level + 1) pair.Value
                                }
                        ]
                | other -> Tokens.refuse entry.At "" $"{kind other} is no value of a configuration" ""

            { At = entry.At; Value = value }

        json 0 entry
