/*
 * Asks for a password and takes any: stands in for a module such as pam_unix that has verified one before.
 */
#include <stddef.h>

#include <security/pam_modules.h>
#include <security/pam_ext.h>

int pam_sm_authenticate(pam_handle_t *handle, int flags, int argc, const char **argv)
{
	const char *password;
	(void)flags, (void)argc, (void)argv;
	return pam_get_authtok(handle, PAM_AUTHTOK, &password, NULL);
}

int pam_sm_setcred(pam_handle_t *handle, int flags, int argc, const char **argv)
{
	(void)handle, (void)flags, (void)argc, (void)argv;
	return PAM_SUCCESS;
}
