// Random number generators: the same streams as PyTorch's.
using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>A source of random numbers with a state of its own.</summary>
    public unsafe class Generator : IDisposable
    {
        private nint handle;

        /// <summary>A generator of its own, seeded.</summary>
        public Generator(ulong seed = 0, Device? device = null)
        {
            this.device = device ?? CPU;
            nint made;
            NativeFailure.Check(
                NativeMethods.evo_new_generator((int)this.device.type, this.device.index, seed, &made), "new generator");
            handle = made;
        }

        private Generator(nint handle, Device device)
        {
            this.handle = handle;
            this.device = device;
        }

        /// <summary>Gives the native generator back.</summary>
        ~Generator() => Dispose(false);

        /// <summary>The process-wide generator of the processor.</summary>
        public static Generator Default => DefaultOf(CPU);

        public Device device { get; }

        /// <summary>The native generator.</summary>
        /// <exception cref="ObjectDisposedException">It has been disposed.</exception>
        public IntPtr Handle => handle != 0 ? handle : throw new ObjectDisposedException(nameof(Generator));

        /// <summary>Begins the stream of that seed; gives this generator.</summary>
        public Generator manual_seed(long seed)
        {
            NativeFailure.Check(NativeMethods.evo_generator_set_seed(Handle, unchecked((ulong)seed)), "manual_seed");
            GC.KeepAlive(this);
            return this;
        }

        /// <summary>Begins a stream that nobody can know, and gives its seed.</summary>
        public long seed()
        {
            ulong value;
            NativeFailure.Check(NativeMethods.evo_generator_new_seed(Handle, &value), "seed");
            GC.KeepAlive(this);
            return unchecked((long)value);
        }

        /// <summary>The seed of the stream.</summary>
        public long initial_seed()
        {
            ulong value;
            NativeFailure.Check(NativeMethods.evo_generator_current_seed(Handle, &value), "initial_seed");
            GC.KeepAlive(this);
            return unchecked((long)value);
        }

        /// <summary>The state, as a tensor of bytes; caller owns it.</summary>
        public Tensor get_state()
        {
            nint state;
            NativeFailure.Check(NativeMethods.evo_generator_state(Handle, &state), "get_state");
            GC.KeepAlive(this);
            return new(state);
        }

        /// <summary>Goes on from a state that <see cref="get_state"/> gave.</summary>
        public void set_state(Tensor value)
        {
            ArgumentNullException.ThrowIfNull(value);
            NativeFailure.Check(NativeMethods.evo_generator_set_state(Handle, value.Handle), "set_state");
            GC.KeepAlive(value);
            GC.KeepAlive(this);
        }

        public void Dispose()
        {
            Dispose(true);
            GC.SuppressFinalize(this);
        }

        protected virtual void Dispose(bool disposing)
        {
            var owned = Interlocked.Exchange(ref handle, 0);
            if (owned != 0)
            {
                NativeMethods.evo_generator_free(owned);
            }
        }

        internal static Generator DefaultOf(Device device)
        {
            nint found;
            NativeFailure.Check(
                NativeMethods.evo_default_generator((int)device.type, device.index, &found), "default generator");
            return new(found, device);
        }
    }

    /// <summary>Seeds the generators of all devices; gives the processor's.</summary>
    public static Generator manual_seed(long seed)
    {
        NativeFailure.Check(NativeMethods.evo_manual_seed(unchecked((ulong)seed)), "manual_seed");
        return Generator.Default;
    }

    /// <summary>Seeds all generators with a seed that nobody can know, and gives it.</summary>
    public static long seed()
    {
        using var generator = Generator.Default;
        var chosen = generator.seed();
        using var again = manual_seed(chosen);
        return chosen;
    }

    /// <summary>The seed of the processor's generator.</summary>
    public static long initial_seed()
    {
        using var generator = Generator.Default;
        return generator.initial_seed();
    }

    /// <summary>The same functions by the names of PyTorch's module.</summary>
    public static class random
    {
        public static long seed() => torch.seed();

        public static long initial_seed() => torch.initial_seed();

        public static Generator manual_seed(long seed) => torch.manual_seed(seed);

        /// <summary>The state of the processor's generator; caller owns it.</summary>
        public static Tensor get_rng_state()
        {
            using var generator = Generator.Default;
            return generator.get_state();
        }

        public static void set_rng_state(Tensor new_state)
        {
            using var generator = Generator.Default;
            generator.set_state(new_state);
        }
    }
}
