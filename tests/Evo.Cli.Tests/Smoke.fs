module Evo.Cli.Tests.Smoke

open Xunit

[<Fact>]
let ``the room builds`` () = Assert.Equal(4, 2 + 2)
