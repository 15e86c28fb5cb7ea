// The tensor: one native handle, freed when it is disposed, when its scope ends, or by the finalizer.
using System.Runtime.CompilerServices;
using Evo.Torch;
using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>
    /// An array of numbers with a shape, on a device. It owns one reference to libtorch's tensor. A tensor made while
    /// a <see cref="DisposeScope"/> is open belongs to that scope.
    /// </summary>
    public partial class Tensor : IDisposable
    {
        private static long peakCount;
        private nint handle;

        /// <summary>Takes over a native handle.</summary>
        internal Tensor(IntPtr handle)
        {
            this.handle = handle;
            var live = NativeMemory.Opened();
            if (live > Volatile.Read(ref peakCount))
            {
                Volatile.Write(ref peakCount, live);
            }

            OwningDisposeScope = DisposeScopeManager.ThreadSingleton.Register(this);
        }

        /// <summary>Frees the handle of a tensor that nobody disposed.</summary>
        ~Tensor() => Dispose(false);

        /// <summary>Tensors that hold a native handle at this moment, in the whole process.</summary>
        public static long TotalCount => NativeMemory.LiveTensors;

        /// <summary>The largest that <see cref="TotalCount"/> has been.</summary>
        public static long PeakCount => Volatile.Read(ref peakCount);

        /// <summary>The native handle, an at::TensorImpl* with one reference.</summary>
        /// <exception cref="ObjectDisposedException">The tensor has been disposed.</exception>
        public IntPtr Handle
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => handle != 0 ? handle : throw new ObjectDisposedException("Tensor", "The tensor has been disposed.");
        }

        /// <summary>Whether the tensor has been disposed or has given up its handle.</summary>
        public bool IsInvalid => handle == 0;

        internal DisposeScope? OwningDisposeScope { get; set; }

        /// <summary>Makes a tensor that owns the native handle given.</summary>
        public static Tensor UnsafeCreateTensor(IntPtr handle) => handle == 0
            ? throw new ArgumentException("a null handle", nameof(handle))
            : new Tensor(handle);

        /// <summary>Frees the native handle now. A second call does nothing.</summary>
        public void Dispose()
        {
            if (OwningDisposeScope is { } scope)
            {
                OwningDisposeScope = null;
                scope.MarkAsDisposed(this);
            }
            else if (handle != 0)
            {
                DisposeScopeManager.Statistics.TensorStatistics.DisposedOutsideScopeCount++;
            }

            Dispose(true);
            GC.SuppressFinalize(this);
        }

        internal void DisposeByScope()
        {
            Dispose(true);
            GC.SuppressFinalize(this);
        }

        /// <summary>Frees the native handle.</summary>
        protected virtual void Dispose(bool disposing)
        {
            var owned = Interlocked.Exchange(ref handle, 0);
            if (owned != 0)
            {
                NativeMethods.evo_tensor_free(owned);
                NativeMemory.Closed();
            }
        }

        /// <summary>Gives the native handle away: the caller owns it, this tensor is invalid.</summary>
        public IntPtr DecoupleFromNativeHandle()
        {
            var owned = Handle;
            OwningDisposeScope?.MarkAsDisposed(this);
            OwningDisposeScope = null;
            handle = 0;
            NativeMemory.Closed();
            GC.SuppressFinalize(this);
            return owned;
        }

        /// <summary>Hands the tensor to the scope around its own; without one it is detached.</summary>
        public Tensor MoveToOuterDisposeScope()
        {
            OwningDisposeScope?.MoveToOuter(this);
            return this;
        }

        /// <summary>Takes the tensor out of its scope; it then lives until it is disposed or collected.</summary>
        public Tensor DetachFromDisposeScope()
        {
            OwningDisposeScope?.Detach(this);
            return this;
        }

        /// <summary>TorchSharp's older spelling of <see cref="DetachFromDisposeScope"/>.</summary>
        [Obsolete("Use DetachFromDisposeScope")]
        public Tensor DetatchFromDisposeScope() => DetachFromDisposeScope();

        /// <summary>Moves the tensor to another scope (null: to none).</summary>
        public Tensor MoveToOtherDisposeScope(DisposeScope? other)
        {
            if (OwningDisposeScope is null)
            {
                other?.Attach(this);
            }
            else
            {
                OwningDisposeScope.MoveToOther(other, this);
            }

            return this;
        }

        /// <summary>Moves the tensor to the scope that owns another.</summary>
        public Tensor MoveToOtherDisposeScope(Tensor other) => MoveToOtherDisposeScope(other.OwningDisposeScope);

        /// <summary>Another tensor object over the same native tensor: same data, same gradient, same identity.</summary>
        public Tensor alias()
        {
            var shared = new Tensor(NativeMethods.evo_tensor_share(Handle));
            GC.KeepAlive(this);
            return shared;
        }

        public override bool Equals(object? obj) => obj is Tensor tensor && ReferenceEquals(this, tensor);

        public override int GetHashCode() => RuntimeHelpers.GetHashCode(this);
    }
}
