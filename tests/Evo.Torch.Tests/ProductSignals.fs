/// Signals in the midst of a product: oneDNN computes with its stack in the heap, where the frame of a signal would lie.
module Evo.Torch.Tests.ProductSignals

open System
open System.Diagnostics
open System.IO
open System.Runtime.InteropServices
open System.Threading
open Evo.Torch
open TorchSharp
open Xunit

[<DllImport("libc")>]
extern nativeint private signal(int signal, nativeint handler)

[<DllImport("libc")>]
extern int private tgkill(int proc, int thread, int signal)

/// SIGUSR1 on Linux; nothing in .NET or libtorch takes it.
let private unused = 10

/// The child: multiplies while all its threads are sent signals, as fast as they can be sent.
let multiply (seconds: float) =
    // What is done with a signal does not matter, only that something is: the frame of a handler lies on the stack. .NET's
    // own handlers write to a pipe, which is full when this many come.
    signal (unused, NativeLibrary.GetExport(NativeLibrary.Load "libc.so.6", "abs"))
    |> ignore

    // Sums of whole numbers are exact in any order.
    let whole (sizes: int64 list) =
        torch.randint(-3L, 4L, Array.ofList sizes).``to`` torch.float32

    let products =
        [
            for m, n, k in [ 256L, 512L, 512L; 64L, 64L, 64L; 33L, 129L, 3000L; 512L, 64L, 4096L ] do
                for transposed in [ false; true ] ->
                    let a, b = whole [ m; k ], whole (if transposed then [ n; k ] else [ k; n ])
                    a, b, transposed, torch.mm (a, (if transposed then b.t () else b))
        ]

    let clock = Stopwatch.StartNew()
    let mutable sent = 0

    let sender =
        Thread(fun () ->
            while clock.Elapsed.TotalSeconds < seconds do
                for thread in Directory.GetDirectories "/proc/self/task" do
                    tgkill (Environment.ProcessId, int (nonNull (Path.GetFileName thread)), unused)
                    |> ignore

                    sent <- sent + 1)

    sender.Start()
    let mutable made = 0

    while sender.IsAlive do
        // OpenMP ends the threads that a smaller team does without, and makes new ones for the next larger.
        for count in [ 2; 4 ] do
            Threads.SetOwn count
            torch.zeros(1L <<< 18).neg().Dispose()

        for a, b, transposed, expected in products do
            use _ = torch.NewDisposeScope()
            let product = Evo.Torch.Native.EvoOperators.product (a, false, b, transposed)
            made <- made + 1

            if not (product.equal(expected).all().ToBoolean()) then
                failwith $"product {made} of {a.shape[0]} x {expected.shape[1]} x {a.shape[1]} is wrong"

    Console.WriteLine $"made {made}, sent {sent}"
    0

[<Fact>]
let ``signals that come in the midst of products harm neither the heap nor the products`` () =
    let program = nonNull Environment.ProcessPath

    let itself =
        // Started by `dotnet`, the program needs the assembly's name first.
        if Path.GetFileNameWithoutExtension program = "dotnet" then
            [ Environment.GetCommandLineArgs()[0] ]
        else
            []

    let start =
        ProcessStartInfo(
            program,
            itself @ [ "--child"; "multiply"; "3" ],
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    start.Environment["OMP_NUM_THREADS"] <- "4"
    use child = nonNull (Process.Start start)
    let output = child.StandardOutput.ReadToEndAsync()
    let errors = child.StandardError.ReadToEndAsync()

    // With a broken heap it may hang as well as end.
    if not (child.WaitForExit 30_000) then
        child.Kill()
        child.WaitForExit()

    Assert.True((child.ExitCode = 0), $"exit code {child.ExitCode}: {output.Result}{errors.Result}")
    Assert.StartsWith("made ", output.Result)
