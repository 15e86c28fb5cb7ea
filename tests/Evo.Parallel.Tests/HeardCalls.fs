/// What ranks are heard to say to one another, and what goes wrong in it where that is asked for.
module Evo.Parallel.Tests.HeardCalls

open System.Collections.Generic
open Evo.Parallel
open Evo.Torch
open Xunit

/// What is heard of one rank's calls, and where its replays stand among them.
type Heard() =
    member val Calls = List<GroupCall>()
    member val Marks = List<int>()

    /// Calls that were begun and not waited for.
    member val Open = 0 with get, set

    /// Backward calls of tensor ranks until one fails; negative for never.
    member val Left = -1 with get, set

    /// Told where a replay begins, and where it ends: nothing is under way at either.
    member heard.Mark(_: bool) =
        Assert.Equal(0, heard.Open)
        heard.Marks.Add heard.Calls.Count

    member heard.Begins(call: GroupCall) =
        heard.Calls.Add call

        if call.Axis = "tensor" && call.Site.Backward && heard.Left >= 0 then
            heard.Left <- heard.Left - 1

            if heard.Left < 0 then
                raise (TorchException("cuda graph", "out of memory"))

/// A call that is under way, until it is waited for.
type Awaited(inner: PendingTensor, heard: Heard) =
    inherit PendingTensor()
    override _.IsDone = inner.IsDone

    override _.Wait() =
        heard.Open <- heard.Open - 1
        inner.Wait()

type Listening(inner: ProcessGroup, heard: Heard) =
    inherit GroupDecorator(inner)

    override this.Around(call, x) =
        heard.Begins call
        GroupDecorator.Pass(this.Inner, call, x)

    override this.Begun(call, x) =
        heard.Begins call
        heard.Open <- heard.Open + 1
        Awaited(GroupDecorator.PassBegun(this.Inner, call, x), heard)
