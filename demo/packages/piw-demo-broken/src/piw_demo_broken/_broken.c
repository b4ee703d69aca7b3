#include <Python.h>

/* The mistake is meant: nobody ever declared the_answer. */
static PyObject *
answer(PyObject *module, PyObject *nothing)
{
    return PyLong_FromLong(the_answer);
}

static PyMethodDef methods[] = {
    {"answer", answer, METH_NOARGS, "The answer."},
    {NULL, NULL, 0, NULL}
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_broken", NULL, 0, methods, NULL, NULL, NULL, NULL
};

PyMODINIT_FUNC
PyInit__broken(void)
{
    return PyModuleDef_Init(&definition);
}
