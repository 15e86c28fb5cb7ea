/// `evo doctor`, as a person asks it.
module Evo.Cli.Tests.DoctorTests

open System
open System.IO
open Xunit
open Evo.Torch
open Evo.Cli.Tests.Command

let private needChoice () =
    if not MatrixProducts.HaveChoice then
        Assert.Skip "this libtorch has no oneDNN beside its BLAS, or EVO_MATMUL leaves no choice"

[<Fact>]
let ``it prints the table of matrix products, each with its choice`` () =
    needChoice ()
    let lines = (run [ "doctor" ]).Output.Split '\n'

    let found =
        Array.find (fun (line: string) -> line.Contains "  matrix products") lines

    let heading =
        Array.findIndex (fun (line: string) -> line.Contains "y = x Wᵀ, to 256") lines

    // Tokens, the size that a map leads from, and the parts of time.
    let rows =
        lines[heading + 1 ..]
        |> Array.takeWhile (fun line -> line.Trim() <> "")
        |> Array.map (fun line -> line.Split(' ', StringSplitOptions.RemoveEmptyEntries))

    Assert.Equal(20, rows.Length)
    let cells = rows |> Array.collect (Array.skip 2)
    Assert.Equal(Evo.Core.ProductTable.Shapes.Length, cells.Length)

    let marked (letters: string) =
        cells |> Array.filter (fun cell -> letters.Contains cell[cell.Length - 1])

    let ofBlas, divided = (marked "b").Length, (marked "rhcs").Length
    let undivided = cells.Length - ofBlas - divided

    if not (found.Contains "do not agree") then
        Assert.Contains(
            $"of {cells.Length} measured shapes {undivided} by oneDNN, {ofBlas} by the BLAS, {divided} divided",
            found
        )

    for cell in cells do
        let part =
            Double.Parse(
                cell.TrimEnd('b', 'r', 'h', 'c', 's', '?'),
                Globalization.CultureInfo.InvariantCulture
            )

        if Char.IsLetter cell[cell.Length - 1] then
            Assert.InRange(part, 0.0, 0.985)
        else
            Assert.Equal(1.0, part)

[<Fact>]
let ``it says where a table cannot be kept`` () =
    needChoice ()
    use folder = new Folder()
    let file = folder.Write("file", "")
    let answer = runWhere [ "XDG_CACHE_HOME", file ] root [ "doctor" ]
    Assert.Equal(1, answer.Code)
    let place = Path.Combine(file, "evo", "products")
    Assert.Contains($"cannot be kept in {place}", answer.Output)
