// The place where the ranks of a run find one another, and leave word.
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Evo.Torch.Native;

namespace Evo.Torch;

/// <summary>
/// Keys and values that all ranks see: c10d's TCP store (one process serves it), or the memory of this process. One
/// connection does one thing at a time, and a wait holds it: whoever waits has a connection of his own.
/// </summary>
public sealed unsafe class C10dStore : IDisposable
{
    private readonly StoreHandle handle;

    private C10dStore(nint handle, string place) => (this.handle, Place) = (new(handle), place);

    /// <summary>Where it is: "10.0.0.1:29500", or "this process".</summary>
    public string Place { get; }

    /// <summary>The port that is served; 0 where none is.</summary>
    public int Port { get; private init; }

    /// <summary>Serves a store in this process.</summary>
    /// <param name="host">A name or address under which this process reaches itself.</param>
    /// <param name="port">0: one that is free.</param>
    /// <param name="limit">The longest wait.</param>
    /// <exception cref="TorchException">The port is taken.</exception>
    public static C10dStore Serve(string host, int port, TimeSpan limit) => Open(host, port, true, limit);

    /// <summary>Connects to a store, waiting until it is there.</summary>
    /// <exception cref="TorchException">It was not there within the limit.</exception>
    public static C10dStore Connect(string host, int port, TimeSpan limit) => Open(host, port, false, limit);

    /// <summary>In the memory of this process, for ranks that are its threads.</summary>
    public static C10dStore InMemory()
    {
        nint store;
        NativeFailure.Check(NativeMethods.evo_store_hash(&store), "c10d::HashStore");
        return new(store, "this process");
    }

    /// <summary>The same store, with a prefix before each key.</summary>
    public C10dStore Under(string prefix)
    {
        nint store;
        NativeFailure.Check(NativeMethods.evo_store_prefix(handle, prefix, &store), "c10d::PrefixStore");
        return new(store, Place);
    }

    /// <summary>Writes a value, over the one that was there.</summary>
    public void Set(string key, string value)
    {
        var bytes = Encoding.UTF8.GetBytes(value);
        fixed (byte* data = bytes)
        {
            byte none = 0;
            NativeFailure.Check(NativeMethods.evo_store_set(handle, key, bytes.Length == 0 ? &none : data, bytes.Length), $"c10d::Store::set {key}");
        }
    }

    /// <summary>The value, or null where there is none.</summary>
    public string? Find(string key)
    {
        int there;
        NativeFailure.Check(NativeMethods.evo_store_check(handle, key, &there), $"c10d::Store::check {key}");
        return there != 0 ? Read(key) : null;
    }

    /// <summary>The value, which is looked for again and again until it is there.</summary>
    /// <exception cref="TimeoutException">It did not come within the limit.</exception>
    public string Get(string key, TimeSpan limit)
    {
        var clock = Stopwatch.StartNew();
        for (var pause = 1; ; pause = Math.Min(50, pause * 2))
        {
            if (Find(key) is { } found)
                return found;
            if (clock.Elapsed > limit)
                throw new TimeoutException($"nobody wrote {key} into the store at {Place} within {limit.TotalSeconds:0.#} s");
            Thread.Sleep(pause);
        }
    }

    /// <summary>Adds to a number, which begins at 0; gives the sum. Only this reads such a number.</summary>
    public long Add(string key, long delta)
    {
        long sum;
        NativeFailure.Check(NativeMethods.evo_store_add(handle, key, delta, &sum), $"c10d::Store::add {key}");
        return sum;
    }

    public void Dispose() => handle.Dispose();

    internal StoreHandle Handle => handle;

    private static C10dStore Open(string host, int port, bool serve, TimeSpan limit)
    {
        nint store;
        int bound;
        NativeFailure.Check(
            NativeMethods.evo_store_tcp(host, port, serve ? 1 : 0, (long)limit.TotalMilliseconds, &store, &bound),
            $"c10d::TCPStore {host}:{port}");
        return new(store, $"{host}:{bound}") { Port = serve ? bound : 0 };
    }

    private string Read(string key)
    {
        void* data;
        long count;
        NativeFailure.Check(NativeMethods.evo_store_get(handle, key, &data, &count), $"c10d::Store::get {key}");
        try
        {
            return Marshal.PtrToStringUTF8((nint)data, (int)count);
        }
        finally
        {
            NativeMethods.evo_free(data);
        }
    }
}
